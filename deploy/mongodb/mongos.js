// Succeeds when it is run against a mongos that knows where the cluster's map is.
quit(db.hello().msg === "isdbgrid" ? 0 : 1);
