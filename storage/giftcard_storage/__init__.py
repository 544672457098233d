"""The facts at rest: cards, authorizations, postings, requests and people, by Peewee."""
