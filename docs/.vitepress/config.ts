import { defineConfig } from 'vitepress'

const stores = [
  { text: 'Sticky sessions', link: '/sticky' },
  { text: 'Between the app servers', link: '/peer' },
  { text: 'Redis', link: '/redis' },
  { text: 'Memcached', link: '/memcached' },
  { text: 'A standby', link: '/standby' },
  { text: 'Hazelcast', link: '/hazelcast' },
]

export default defineConfig({
  lang: 'en',
  title: 'Holdfast',
  description: 'Sessions for Koa and Express that hold when you go from one server to several.',
  srcExclude: ['README.md', 'parts/**'],
  head: [
    ['link', { rel: 'icon', type: 'image/svg+xml', href: '/mark.svg' }],
    ['meta', { name: 'theme-color', content: '#0f766e' }],
  ],
  markdown: { theme: { light: 'github-light', dark: 'github-dark-dimmed' } },
  themeConfig: {
    logo: '/mark.svg',
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Koa', link: '/koa' },
      { text: 'Express', link: '/express' },
      { text: 'Stores', items: stores },
      {
        text: 'Moving',
        items: [
          { text: 'from koa-session', link: '/moving-from-koa-session' },
          { text: 'from express-session', link: '/moving-from-express-session' },
          { text: 'between approaches', link: '/moving-between-approaches' },
        ],
      },
      { text: 'Guarantees', link: '/guarantees' },
    ],
    sidebar: [
      {
        text: 'Guide',
        items: [
          { text: 'Start', link: '/start' },
          { text: 'Koa', link: '/koa' },
          { text: 'Express', link: '/express' },
          { text: 'Operating', link: '/operating' },
          { text: 'Commands', link: '/commands' },
        ],
      },
      { text: 'Stores', items: stores },
      {
        text: 'Moving',
        items: [
          { text: 'From koa-session', link: '/moving-from-koa-session' },
          { text: 'From express-session', link: '/moving-from-express-session' },
          { text: 'Between approaches', link: '/moving-between-approaches' },
        ],
      },
      { text: 'What it promises', items: [{ text: 'Guarantees', link: '/guarantees' }] },
    ],
    footer: { message: 'Holdfast, under the MIT licence. Version 0.1.0 is not on npm yet.' },
  },
})
