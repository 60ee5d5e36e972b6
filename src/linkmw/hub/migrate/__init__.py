"""Users of a product made identities ahead of their first sign-in, with the passwords they have (OPS-6)."""
