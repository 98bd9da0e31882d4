"""Raw frames to segments that replay, by the same sessions that feed a service."""
