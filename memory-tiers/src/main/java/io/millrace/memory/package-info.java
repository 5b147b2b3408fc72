/**
 * The vocabulary of the three tiers: dtypes, block layouts, sizes, budgets, and the errors that
 * every floor above reports with.
 *
 * <p>The tiers themselves live in the packages below: {@code host} owns page-aligned host memory,
 * {@code nvme} the block store, {@code device} the devices that compute.
 */
package io.millrace.memory;
