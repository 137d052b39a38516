// Counts the words of a part, and leaves the counts for the reducers of their first letters.
async function main({ part, text }) {
  const counts = {}
  for (const word of text.toLowerCase().match(/\w+/g) || []) {
    const letter = (counts[word[0]] ??= {})
    letter[word] = (letter[word] || 0) + 1
  }
  for (const [letter, words] of Object.entries(counts)) await put(`${letter}:${part}`, words)
  await put(`done-${part}`, null)
  return { part, letters: Object.keys(counts) }
}

async function put(key, value) {
  const { __OW_API_HOST: host, __OW_API_KEY: secret, __OW_SESSION_ID: session } = process.env
  const url = `${host}/api/v1/namespaces/_/buckets/words/objects/${encodeURIComponent(key)}?session=${session}`
  const headers = {
    authorization: 'Basic ' + Buffer.from(secret).toString('base64'),
    'content-type': 'application/json'
  }
  const reply = await fetch(url, { method: 'PUT', headers, body: JSON.stringify(value) })
  if (!reply.ok) throw new Error(await reply.text())
}

exports.main = main
