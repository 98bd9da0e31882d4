// The healthcheck of a node of MongoDB, run by mongosh inside its container: it succeeds once the
// node is a primary or a secondary. The first node of a set that nobody has founded founds it, which
// only somebody on that node's own machine may do.
//   SET       name of the replica set
//   MEMBERS   host:port of every node, by commas
//   MEMBER    which of them this one is
//   CONFIGSVR "true" for the servers that keep a cluster's map
// Where the node has a root of its own (MONGO_INITDB_…), that is who asks.
const { SET, MEMBERS, MEMBER, CONFIGSVR } = process.env;
const members = MEMBERS.split(",");
const user = process.env.MONGO_INITDB_ROOT_USERNAME;

const hello = db.hello();
if (hello.setName) {
  quit(hello.isWritablePrimary || hello.secondary ? 0 : 1);
}
if (MEMBER === members[0]) {
  if (user) db.getSiblingDB("admin").auth(user, process.env.MONGO_INITDB_ROOT_PASSWORD);
  const plan = { _id: SET, members: members.map((host, at) => ({ _id: at, host })) };
  if (CONFIGSVR === "true") plan.configsvr = true;
  rs.initiate(plan);
}
// Whether that has made it one is asked the next time.
quit(1);
