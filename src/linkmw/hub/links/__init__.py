"""Links as operators handle them: many at once, from and into files, without a proof (OPS-5, PR27)."""
