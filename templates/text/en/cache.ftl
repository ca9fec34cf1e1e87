cache-title = Cache
cache-sub = What is kept in memory to be given again
cache-settings = Settings
cache-clear = Clear…
cache-off-text = No answers are kept: the cache of answers is off.
cache-off-link = Choose which ones
cache-all = All caches
cache-answers = Answers
cache-answers-text = Whole answers to requests
cache-models = Lists of models
cache-models-text = What each provider offers
cache-stats = Public statistics
cache-stats-text = What the public page shows
cache-what = What
cache-kept = Kept
cache-bytes = Size
cache-of-bytes = { $bytes } of { $capacity }
cache-saved = Saved
cache-saved-note = of the requests that may be kept
cache-hits = From the cache
cache-shared = Shared
cache-shared-note = took what another one fetched
cache-misses = Fetched
cache-waiting = Waiting
cache-waiting-note = for an upstream, right now
cache-since-start = Counted since the start of the server.
cache-terms = Terms
cache-mode = Answers kept
cache-mode-off = None
cache-mode-deterministic = Those asked for with temperature 0 or a seed
cache-mode-all = All plain ones
cache-answers-for = An answer for
cache-models-for = Models for
cache-stats-for = Statistics for
cache-not = not at all
cache-between-clients = Between clients
cache-is-shared = One client’s answer may be given to another
cache-is-not-shared = Each client gets its own answers only
cache-clear-title = Clear the cache?
cache-clear-submit = Clear
cache-clear-text = What is cleared is asked for upstream again when it is next wanted. Nothing that is stored is lost.
cache-provider = Provider
cache-any-provider = All providers
cache-cleared =
    { $n ->
        [one] Cleared 1 entry.
       *[other] Cleared { $n } entries.
    }
