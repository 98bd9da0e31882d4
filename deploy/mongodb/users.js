// Makes the service's own user when a node of MongoDB starts for the first time: it may read and
// write the service's database, and nothing else. The official image runs whatever lies in
// /docker-entrypoint-initdb.d, with the whole environment of the container.
const { SERVICE_DATABASE, SERVICE_USER, SERVICE_PASSWORD } = process.env;
const roles = [{ role: "readWrite", db: SERVICE_DATABASE }];

db.getSiblingDB("admin").createUser({ user: SERVICE_USER, pwd: SERVICE_PASSWORD, roles });
