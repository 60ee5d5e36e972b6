"""What the hub asks of the world: its Redis, SQL, Keycloak, mail. Each Protocol is a contract."""
