"""Archives: from a handful of films to millions, with one bundle, into Parquet shards.

    walk      what is there, one `Item` a film, never a list of all
    crew      worker processes, each with a network; what kills one is found and recorded
    shards    what is done; a shard that has its name is complete and is the only truth
    run       the three together, on one machine
    ray_run   the same on a Ray cluster

Nothing is imported here, because a worker process needs a few of these modules only, and a single
film needs none.
"""
