-- wrk: visitors with cookies (one a line in $COOKIES) look at one page in turn; what came of it is printed as one line.

local requests, turn = {}, 0

function init(arguments)
  for cookie in io.lines(os.getenv("COOKIES")) do
    local headers = {
      ["Accept"] = "text/html,application/xhtml+xml,*/*;q=0.8",
      ["Accept-Encoding"] = os.getenv("CODING"),
      ["Accept-Language"] = "en",
      ["Cookie"] = cookie,
      ["Host"] = os.getenv("SITE"),
      ["Sec-Fetch-Dest"] = "document",
      ["Sec-Fetch-Mode"] = "navigate",
      ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    }
    requests[#requests + 1] = wrk.format("GET", nil, headers)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("done %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed))
end
