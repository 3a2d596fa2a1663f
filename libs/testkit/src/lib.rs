//! Private nats-server and Postgres and other real servers for tests. A dev-dependency only.
