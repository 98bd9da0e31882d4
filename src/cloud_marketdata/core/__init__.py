"""What every layer stands on: settings, clock, errors, supervision."""
