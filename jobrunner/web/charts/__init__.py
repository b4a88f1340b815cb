"""Charts as SVG text: values in, markup out; no clock, no database. Colours come by classes of style.css."""
