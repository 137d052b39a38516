// Fetches a page.
async function main({ url }) {
  const response = await fetch(url);
  return { status: response.status, body: await response.text() };
}
