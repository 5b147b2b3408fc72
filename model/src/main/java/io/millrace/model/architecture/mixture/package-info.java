/** Families whose layers have experts, of which each token chooses some. */
package io.millrace.model.architecture.mixture;
