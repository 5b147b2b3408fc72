/** Where the entries of a zip archive lie, for those that are read in place. */
package io.millrace.model.file.zip;
