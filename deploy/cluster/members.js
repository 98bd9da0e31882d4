// Tells a sharded MongoDB who belongs to it: run once by mongosh on the machine of a mongos, where
// the first user may be made without being one. Run again it changes nothing.
//   ROOT_PASSWORD  of root, who is made first
//   SHARDS         set/host:port,host:port of every shard, by spaces
//   SERVICE_…      database, user and password of the service, who may read and write there
const env = process.env;
const admin = db.getSiblingDB("admin");

function entered() {
  try {
    admin.auth("root", env.ROOT_PASSWORD);
    return true;
  } catch (refused) {
    return false;
  }
}

if (!entered()) {
  admin.createUser({ user: "root", pwd: env.ROOT_PASSWORD, roles: ["root"] });
  admin.auth("root", env.ROOT_PASSWORD);
}
env.SHARDS.split(" ").forEach((shard) => sh.addShard(shard));
if (!admin.getUser(env.SERVICE_USER)) {
  const roles = [{ role: "readWrite", db: env.SERVICE_DATABASE }];
  admin.createUser({ user: env.SERVICE_USER, pwd: env.SERVICE_PASSWORD, roles });
}
