// A greeting: a component that answers HTTP requests.
addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  const { name = "world" } = await request.json();
  return Response.json({ greeting: `Hello, ${name}!` });
}
