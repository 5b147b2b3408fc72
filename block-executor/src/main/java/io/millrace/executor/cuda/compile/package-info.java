/** How the kernel files become an image for a card, and where images are kept. */
package io.millrace.executor.cuda.compile;
