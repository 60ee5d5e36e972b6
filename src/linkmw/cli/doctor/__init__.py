"""What `linkmw doctor` and `linkmw hub doctor` look at (OPS-1): each check is one line, with what to do."""
