/**
 * Models by the names that they have on a hub of Hugging Face's kind: found in the cache that its
 * own library keeps, or downloaded into it.
 *
 * <pre>
 * org/name ── HubId ──→ HubCache ── complete? ──→ snapshots/COMMIT
 *                          │ no
 *                       HubClient ── list, heads ──→ HubFile ── HubDownload ──→ blobs/HASH
 * </pre>
 *
 * The environment is read by none of this: settings come from the command.
 */
package io.millrace.model.hub;
