/** Models that leave in another form, as {@code export} writes them. */
package io.millrace.cli.out;
