// The edge's function as CloudFront runs it, over a key value store in memory.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

const source = readFileSync(new URL('../edge_token.js', import.meta.url), 'utf8');

/** The function's `handler`, with `token` in its store; `undefined` is a store without it. */
function withToken(token) {
    const store = {
        async get(key) {
            if (key !== 'token' || token === undefined) throw new Error('KeyNotFound');
            return token;
        },
    };
    const lines = source.split('\n');
    const inherited = lines.filter((line) => line.startsWith('import '));
    assert.deepEqual(inherited, ["import cf from 'cloudfront';"], 'CloudFront offers a function its own module and no files');
    const body = lines.filter((line) => !line.startsWith('import ')).join('\n');
    return new Function('cf', `${body}\nreturn handler;`)({ kvs: () => store });
}

function request(headers) {
    return {
        request: {
            method: 'PUT',
            uri: '/orders/edc9e9ac-0b5b-4c34-8a3c-6eed70d6f66f',
            querystring: { limit: { value: '5' } },
            headers: { authorization: { value: 'Bearer abc' }, ...headers },
            cookies: {},
        },
    };
}

test('a request leaves the edge with the token and otherwise as it came', async () => {
    const answer = await withToken('the-token')(request({}));
    const expected = request({ 'x-lakeside-edge': { value: 'the-token' } }).request;
    assert.deepEqual(answer, expected);
});

test('what a client says in the place of the token is lost', async () => {
    const forged = { 'x-lakeside-edge': { value: 'a guess', multiValue: [{ value: 'a guess' }, { value: 'another' }] } };
    const answer = await withToken('the-token')(request(forged));
    assert.deepEqual(answer.headers['x-lakeside-edge'], { value: 'the-token' });
});

test('without a token the edge says that the failure is not the client’s', async () => {
    const answer = await withToken(undefined)(request({}));
    assert.equal(answer.statusCode, 503);
    assert.deepEqual(JSON.parse(answer.body.data), { message: 'try again' });
});
