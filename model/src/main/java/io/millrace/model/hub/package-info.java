/**
 * Models by the names that they have on a hub of Hugging Face's kind: found in the cache that its
 * own library keeps, or downloaded into it; and, where a person asks for it, given to the hub.
 *
 * <pre>
 * org/name ── HubId ──→ HubCache ── complete? ──→ snapshots/COMMIT
 *                          │ no
 *                       HubClient ── list, heads ──→ HubFile ── HubDownload ──→ blobs/HASH
 *
 * files ── HubPush ──→ HubWriter ── repository, branch; which are large? ──→ hub
 *                      LargeFiles ── contents by hash, whole or in parts ──→ where they are kept
 *                      Commit ── all of them under their names, last ──→ hub
 * </pre>
 *
 * HubConnection sends all of it. The environment is read by none of this: settings come from the
 * command.
 */
package io.millrace.model.hub;
