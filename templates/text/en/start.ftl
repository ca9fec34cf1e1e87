start-title = From zero to the first answer
start-sub = Three steps, about two minutes. Everything can be changed later.
start-key = Add an API key
start-key-text = A key that a provider gave you. The provider is asked about it first, free of charge.
start-provider = Provider
start-key-label = API key
start-key-hint = It is sealed before it is stored, and shown to nobody who does not ask again for it.
start-key-submit = Check and add
start-key-unreadable = That is no key: it is empty, longer than 512 characters, or has a space in it.
start-no-provider = Pick one of the providers.
start-key-refused = { $provider } does not accept this key (status { $status }), so it was not added.
start-key-accepted = { $provider } accepts the key. It is in the pool.
start-key-unknown = The key is in the pool. { $provider } could not be asked about it just now; it is tried when a request comes.
start-keys-there =
    { $n ->
        [one] 1 key is in the pool.
       *[other] { $n } keys are in the pool.
    }
start-demo = No key at hand? A server that echoes, for trying everything out:
start-skip = Skip
start-token = Make a client token
start-token-text = What a program presents to this server. One for each program keeps their figures apart.
start-tokens-there =
    { $n ->
        [one] There is 1 token. Make another one to try it here.
       *[other] There are { $n } tokens. Make another one to try it here.
    }
start-token-name = Name
start-token-first = first token
start-token-hint = For you alone, to tell tokens apart.
start-token-submit = Make the token
start-token-once = It is shown this once. You can have it revealed later; the audit log has that then.
start-ask = Ask for the first answer
start-ask-text = Run this on any machine that reaches this server, or send it from here.
start-language = Language
start-model = Model
start-question = Message
start-question-first = Say hello in one sentence.
start-send = Send
start-answer = Answer
start-answered = Answered in { $whole }, the first piece after { $first }.
start-refused = Not answered ({ $status }): { $words }
start-cut = The answer broke off.
start-unreadable = What came back is not an answer that can be read.
start-overview = Go to the overview
