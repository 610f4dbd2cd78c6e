-- MLflow gets a database of its own, beside the ledger: both sides make their tables themselves.
CREATE DATABASE mlflow;
