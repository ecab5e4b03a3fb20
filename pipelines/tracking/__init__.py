"""MLflow's runs: a stage, a data set that was compared, a trial; ready views."""
