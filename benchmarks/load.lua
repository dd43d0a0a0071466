-- What wrk asks. The plan is a file: the method, the body up to what changes and after it, and then a line for each
-- address, with the value of Authorization after a tab. Addresses are drawn at random. Of the outcome one line is JSON.

local targets, method, before, after = {}, nil, nil, nil
local number = os.time() * 10000 -- no two bodies are the same, for then an update may be none

function init(args)
  local plan = io.lines(args[1])
  method, before, after = plan(), plan(), plan()
  for line in plan do
    local path, shown = line:match("^([^\t]*)\t(.*)$")
    local headers = {}
    if shown ~= "" then headers["Authorization"] = shown end
    if method ~= "GET" then headers["Content-Type"] = "application/json" end
    targets[#targets + 1] = method == "GET" and wrk.format(method, path, headers) or {path, headers}
  end
  math.randomseed(os.time())
end

function request()
  local target = targets[math.random(#targets)]
  if method == "GET" then return target end
  number = number + 1
  return wrk.format(method, target[1], target[2], before .. string.format("%.0f", number) .. after)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "refused": %d, "broken": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)
  ))
end
