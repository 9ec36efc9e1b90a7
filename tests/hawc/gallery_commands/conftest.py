"""The PostgreSQL server of the tests of histories, for the command line too."""

from tests.hawc.history.conftest import postgresql

__all__ = ["postgresql"]
