"""Storage: the only rooms that know SQLAlchemy. See ``tables`` for what is kept and ``engine`` for how."""
