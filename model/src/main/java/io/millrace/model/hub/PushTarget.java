package io.millrace.model.hub;

/**
 * Where a push goes to.
 *
 * @param id the repository, and the branch of it
 * @param hidden whether only some may see the repository; one that is there and is for all is then
 *     refused
 */
public record PushTarget(HubId id, boolean hidden) {}
