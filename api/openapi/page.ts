import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';
import type { documentOf } from './document.ts';

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328; background: #fff }
code, pre { font: 14px/1.45 ui-monospace, monospace } pre { overflow: auto; padding: .75rem; background: #f6f8fa; border-radius: 6px }
section { border-top: 1px solid #d1d9e0; padding: .5rem 0 } h2 { font-size: 1rem; margin: .5rem 0 } summary { cursor: pointer }
.method { font-weight: 700; color: #0969da } dt { font-weight: 600; float: left; clear: left; min-width: 4rem } dd { margin-left: 5rem }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } pre { background: #161b22 } section { border-color: #30363d } }
`;

/** The page loads nothing, from here or elsewhere, and runs no script. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; frame-ancestors 'none'`;

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
type Document = ReturnType<typeof documentOf>;

const operationsOf = (document: Document) =>
  Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item?.[method];
      return operation === undefined ? [] : [{ path, method, operation }];
    }),
  );

const schemaBlock = (title: string, content: object | undefined) =>
  content === undefined ? '' : html`<details><summary>${title}</summary><pre>${JSON.stringify(content, null, 2)}</pre></details>`;

const contentOf = (part: object | undefined): object | undefined =>
  part !== undefined && 'content' in part && typeof part.content === 'object' && part.content !== null ? part.content : undefined;

/** A plain page for people; tools read /openapi.json. */
export const documentPage = (document: Document) => html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${document.info.title} API</title><meta name="viewport" content="width=device-width"><style>${raw(STYLE)}</style></head>
<body>
<h1>${document.info.title} API</h1>
<p>${document.info.description ?? ''} Everything below <code>/v1</code> takes <code>Authorization: Bearer &lt;API key&gt;</code>.
Machines read <a href="/openapi.json">/openapi.json</a>.</p>
${operationsOf(document).map(
  ({ path, method, operation }) => html`<section>
<h2><span class="method">${method.toUpperCase()}</span> <code>${path}</code></h2>
<p>${operation.summary ?? ''}${operation.description === undefined ? '' : `. ${operation.description}`}</p>
${schemaBlock('Parameters', operation.parameters)}
${schemaBlock('Body', contentOf(operation.requestBody))}
<dl>${Object.entries(operation.responses ?? {}).map(
    ([status, response]) => html`<dt>${status}</dt><dd>${response.description}${schemaBlock('Schema', contentOf(response))}</dd>`,
  )}</dl>
</section>`,
)}
</body>
</html>`;
