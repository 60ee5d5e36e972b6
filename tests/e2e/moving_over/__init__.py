"""A package, so that what is made for all of its stories ends with the last of them."""
