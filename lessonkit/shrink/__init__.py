"""A smaller dense network out of a trained one: units cut out, the rest repaired in closed form."""
