"""An ERP back end on FastAPI, as far as its sales reports go."""
