"""The REST API and the pages. No decisions: a route asks `db`, calls a flow, and says what came of it."""
