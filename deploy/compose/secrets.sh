#!/bin/sh
# Makes ./secrets with random values, once; what is there stays. Then put POSTGRES_PASSWORD into .env as it says.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
cd secrets
random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }
[ -e postgres_password ] || random > postgres_password
[ -e hub_key ] || random > hub_key
[ -e redis_password ] || random > redis_password
[ -e redis.conf ] || cat > redis.conf <<CONF
requirepass $(cat redis_password)
maxmemory 256mb
maxmemory-policy noeviction
save ""
appendonly no
protected-mode yes
CONF
[ -e hub_redis_url ] || printf 'redis://:%s@redis:6379/0' "$(cat redis_password)" > hub_redis_url
[ -e hub_database_url ] || printf 'postgresql://linkmw:%s@postgres/linkmw' "$(cat postgres_password)" > hub_database_url
[ -e hub_smtp_url ] || printf 'smtp://localhost:25' > hub_smtp_url
# Each file is mounted by itself and read by its container's own user; here the folder keeps everybody else out.
chmod 644 postgres_password hub_key redis.conf hub_redis_url hub_database_url hub_smtp_url
chmod 700 .
echo "POSTGRES_PASSWORD=$(cat postgres_password)"
