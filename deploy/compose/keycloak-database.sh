#!/bin/sh
# Run once by the image, when the volume is new: Keycloak has a database of its own.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --command 'CREATE DATABASE keycloak'
