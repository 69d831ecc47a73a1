// The older majors that the tests install beside the newer ones have the types of those.
declare module 'express4' {
  import express from 'express'
  export default express
}
declare module 'koa2' {
  import Koa from 'koa'
  export default Koa
}
declare module 'compression-1.7' {
  import compression from 'compression'
  export default compression
}
declare module 'on-finished' {
  export default function onFinished<T>(message: T, listener: (error: Error | null, message: T) => void): T
}
