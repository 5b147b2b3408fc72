package io.millrace.model.hub;

import java.net.URI;

/**
 * A file of a repository at a commit.
 *
 * @param name within the repository; a plain name
 * @param hash of its content, which is its name among the cache's blobs
 * @param sizeBytes of its content
 * @param address where its content is, after redirects within the hub
 */
record HubFile(String name, ContentHash hash, long sizeBytes, URI address) {}
