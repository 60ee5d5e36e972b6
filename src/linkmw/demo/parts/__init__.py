"""The real parts that the demo and the tests run on: Redis, Keycloak, an SMTP inbox, Chromium."""
