#!/bin/sh -e
# What the official images of MySQL, Redis and Temporal do with the arguments and variables that the chart gives them.
case "$1" in
  redis-server) exec "$@" ;;
  server) exec temporal "$@" ;;
esac
data=/var/lib/mysql
if [ ! -d "$data/mysql" ]; then
  mariadb-install-db --no-defaults --datadir="$data" --skip-test-db --force --auth-root-authentication-method=normal >&2
  cat >/tmp/first.sql <<SQL
create database $MYSQL_DATABASE character set utf8mb4;
create user '$MYSQL_USER'@'%' identified by '$MYSQL_PASSWORD';
grant all on $MYSQL_DATABASE.* to '$MYSQL_USER'@'%';
alter user root@localhost identified by '$MYSQL_ROOT_PASSWORD';
SQL
  set -- "$@" --init-file=/tmp/first.sql
fi
exec mariadbd --no-defaults --datadir="$data" --socket=/var/run/mysqld/mysqld.sock --bind-address=0.0.0.0 "$@"
