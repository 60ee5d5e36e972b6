"""A package, as pytest knows it: its Chromium is closed when its last test has run."""
