/**
 * The documentation as a site: pages of Markdown, a page a method and a task, search, checked
 * links.
 */
package io.millrace.site;
