"""The sweep table: three fields filtered, by a fourth; analysis; what its columns cost to write and to hold."""
