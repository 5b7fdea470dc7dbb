// Adds the token by which the door knows that a request came through the edge. What a client says in its place is lost.
// The token lies in the key value store alone: `docs/runbooks/edge-token.md` puts it there.
import cf from 'cloudfront';

const store = cf.kvs();

async function handler(event) {
    const request = event.request;
    try {
        request.headers['x-lakeside-edge'] = { value: await store.get('token') };
    } catch (error) {
        // Without a token the door would say that the client is refused. The failure is ours.
        return {
            statusCode: 503,
            statusDescription: 'Service Unavailable',
            headers: { 'content-type': { value: 'application/json' } },
            body: { encoding: 'text', data: '{"message":"try again"}' },
        };
    }
    return request;
}
