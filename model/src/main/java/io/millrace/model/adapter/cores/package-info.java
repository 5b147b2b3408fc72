/** Adapters of tensor trains: in which modules they stand, and what is trained of them. */
package io.millrace.model.adapter.cores;
