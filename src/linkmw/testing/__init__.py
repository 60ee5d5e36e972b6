"""What ships for those who build on linkmw: the conformance suite for adapters (`linkmw.testing.conformance`)."""
