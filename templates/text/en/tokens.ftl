tokens-title = Client tokens
tokens-sub = What clients present to this pool
tokens-new = New token…
tokens-export = Export…
tokens-by-state = By state
tokens-all = All
tokens-search = Search tokens
tokens-search-hint = Name, last 4 characters, or a whole token
tokens-filter = Filter
tokens-any-provider = Any provider
tokens-name = Name
tokens-nameless = Without a name
tokens-state = State
tokens-provider = Provider
tokens-provider-all = All providers
tokens-expires = Expires
tokens-never = Never
tokens-day = Last 24 h
tokens-requests = Requests
tokens-in-out = Tokens in / out
tokens-last-used = Last used
tokens-pick = Pick token { $name }
tokens-menu = Actions for token { $name }
tokens-show = Show
tokens-edit = Edit…
tokens-reveal = Reveal…
tokens-rotate = Rotate…
tokens-enable = Enable
tokens-disable = Disable
tokens-delete = Delete…
tokens-empty-title = No tokens yet
tokens-empty = A client needs a token to ask this pool. Make one for each, so that each can be told apart and ended alone.
tokens-none-title = No token matches “{ $text }”
tokens-none-so = No token is like that
tokens-none =
    { $n ->
        [one] 1 token is hidden by the filter.
       *[other] { $n } tokens are hidden by the filter.
    }
tokens-not-ours = This is none of the tokens of this pool.
tokens-clear = Clear the filter
tokens-none-picked = Pick tokens first.

# Changes
tokens-disabled-one = Disabled “{ $name }”: it is refused from now on.
tokens-enabled-one = Enabled “{ $name }”.
tokens-deleted-one = Deleted “{ $name }”.
tokens-saved = Saved.
tokens-disabled-many =
    { $n ->
        [one] Disabled 1 token.
       *[other] Disabled { $n } tokens.
    }
tokens-enabled-many =
    { $n ->
        [one] Enabled 1 token.
       *[other] Enabled { $n } tokens.
    }
tokens-deleted =
    { $n ->
        [one] Deleted 1 token.
       *[other] Deleted { $n } tokens.
    }

# The form
tokens-new-title = New client token
tokens-edit-title = Edit “{ $name }”
tokens-create = Make the token
tokens-save = Save
tokens-name-hint = Whose it is, or what for: shown in lists and in the audit log
tokens-name-wrong = A name has 1 to 200 characters, without line breaks.
tokens-provider-hint = A token for one provider is refused at the others.
tokens-expiry-keep = As it is
tokens-expiry-never = Never
tokens-expiry-days =
    { $n ->
        [one] In 1 day
       *[other] In { $n } days
    }
tokens-until-day = Or at the end of
tokens-until-day-hint = Counts instead, where it is given. Days end in { $zone }.
tokens-expires-now = It expires now at
tokens-day-wrong = That is no day. Write it as 2026-12-31.
tokens-day-past = That day is over. Pick today or a later one.

# A token is seen whole
tokens-created-title = “{ $name }” is made
tokens-created-text = Copy it to the client that is to use it. Later it is shown only to who gives the admin token again.
tokens-rotated-title = “{ $name }” is rotated
tokens-rotated-text = The old token is refused from now on. Copy the new one to the client that used it.
tokens-revealed-title = The token “{ $name }”
tokens-revealed-text = The audit log has it that you looked.
tokens-token = Token
tokens-try = Try it in a terminal
tokens-admin-token = Admin token
tokens-reveal-title = Reveal a token
tokens-reveal-ask = Reveal “{ $name }”?
tokens-reveal-text = Whoever sees the token can use it. The audit log keeps that it was revealed.
tokens-reveal-submit = Reveal
tokens-rotate-title = Rotate a token
tokens-rotate-ask = Rotate “{ $name }”?
tokens-rotate-text = The old token ends at once: clients that use it are refused until they have the new one.
tokens-rotate-stays = Name, provider, expiry and statistics stay.
tokens-rotate-submit = Rotate

# Deleting
tokens-delete-title =
    { $n ->
        [one] Delete 1 token?
       *[other] Delete { $n } tokens?
    }
tokens-delete-ask = Delete “{ $name }”?
tokens-delete-submit =
    { $n ->
        [one] Delete 1 token
       *[other] Delete { $n } tokens
    }
tokens-delete-keep = Keep it
tokens-delete-keep-many = Keep them
tokens-delete-lost = Clients that use it are refused from then on.
tokens-delete-lost-many = Clients that use them are refused from then on.
tokens-used-last = It was used last
tokens-never-used = It was never used.
tokens-delete-stays = What was counted stays in the statistics.
tokens-delete-final = The token itself cannot be brought back.
tokens-delete-final-many = The tokens themselves cannot be brought back.

# Export
tokens-export-title = Export all tokens
tokens-export-submit = Export
tokens-export-format = Format
tokens-export-csv = CSV, for spreadsheets
tokens-export-json = JSON
tokens-export-secrets = With the tokens themselves
tokens-export-secrets-hint = Else each is shown as its last 4 characters. The audit log keeps such an export.
tokens-export-token-hint = Asked for where the tokens themselves are in the file

# One token
tokens-facts = Facts
tokens-off-since = Disabled since
tokens-made = Made
tokens-all-time = In all
tokens-all-time-text = { $requests } requests, { $input } tokens in, { $output } out
tokens-id = Id
tokens-usage = Usage
tokens-range = Span
tokens-answered = Answered
tokens-answered-note = { $failed } failed, { $left } left early
tokens-failed = Failed
tokens-left = Left early
tokens-tokens = Tokens
tokens-input = Tokens in
tokens-output = Tokens out
tokens-cached-note = { $n } cached upstream
tokens-cost = Cost
tokens-cost-note = as the upstream states it
tokens-cache-hits = From the cache
tokens-models = Models it asked
tokens-model = Model
tokens-share = Share
tokens-other-models =
    { $n ->
        [one] 1 other model
       *[other] { $n } other models
    }
tokens-no-models = Nothing was asked with it in this time.
