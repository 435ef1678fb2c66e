"""Kafka as a source of records: the only package that knows confluent_kafka."""
