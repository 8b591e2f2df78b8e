// A message is often faster than the stream of events: what was sent before this page listened is looked for until it is
// answered. app.js looks again whenever the page comes into sight.
const look = setInterval(() => {
  if (document.querySelector("#test-page[data-waiting]")) document.dispatchEvent(new Event("visibilitychange"));
  else clearInterval(look);
}, 2000);
